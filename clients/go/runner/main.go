// Command runner makes the calls of the conformance cases through the Go client and prints what came of them, or measures
// how fast the client is. It judges nothing.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	flags := flag.NewFlagSet("runner", flag.ExitOnError)
	server := flags.String("server", "", "a real server, HOST:PORT")
	faults := flags.String("faults", "", "the fault-injecting server, HOST:PORT,HOST:PORT")
	tls := flags.String("tls", "", "the fault-injecting server with TLS, HOST:PORT")
	ca := flags.String("ca", "", "the authority of its certificate, a PEM file")
	cases := flags.String("cases", "", "a folder of cases")
	id := flags.String("run", "", "what ${run} stands for")
	inFlight := flags.Int("in-flight", 16, "how many calls at a time")
	request := flags.String("request", "", "a file that holds a RecommendRequest")
	if len(arguments) == 0 {
		return errors.New("usage: runner conformance|bench FLAGS")
	}
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	switch arguments[0] {
	case "conformance":
		targets := targets{server: *server, faults: strings.Split(*faults, ","), tls: *tls, ca: *ca}
		result, err := runCases(*cases, targets, *id)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(result)
	case "bench":
		return bench(*server, *request, *inFlight)
	default:
		return errors.New("usage: runner conformance|bench FLAGS")
	}
}
