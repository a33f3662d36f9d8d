package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"firstlight.dev/go/firstlight"
)

type testCase struct {
	Name    string
	Target  string
	Options any
	Steps   []step
}

type step struct {
	Call   string
	Args   any
	Repeat int
	Save   map[string]string // name to the field of the result
}

type options struct {
	CatalogID    string  `json:"catalog_id"`
	TimeoutS     float64 `json:"timeout_s"`
	BearerToken  string  `json:"bearer_token"`
	WaitForReady *bool   `json:"wait_for_ready"`
}

type targets struct {
	server, tls, ca string
	faults          []string
}

func runCases(folder string, at targets, run string) (any, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json")) // sorted
	if err != nil {
		return nil, err
	}
	outcomes := map[string][]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var cases []testCase
		if err := decode(text, &cases); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, one := range cases {
			outcomes[one.Name] = one.run(at, map[string]string{"run": run})
		}
	}
	return map[string]any{"language": "go", "cases": outcomes}, nil
}

// run makes the calls of one case with a client of its own.
func (c testCase) run(at targets, names map[string]string) (outcomes []any) {
	client, err := c.connect(at, names)
	if err == nil {
		defer client.Close()
	}
	for _, step := range c.Steps {
		if err != nil {
			outcomes = append(outcomes, crash(err))
			continue
		}
		outcomes = append(outcomes, step.run(client, names))
	}
	return outcomes
}

func (c testCase) connect(at targets, names map[string]string) (*firstlight.Client, error) {
	var given options
	if err := convert(expand(c.Options, names), &given); err != nil {
		return nil, err
	}
	options := firstlight.Options{
		CatalogID:   given.CatalogID,
		Timeout:     time.Duration(given.TimeoutS * float64(time.Second)),
		BearerToken: given.BearerToken,
		FailFast:    given.WaitForReady != nil && !*given.WaitForReady,
	}
	switch c.Target {
	case "server":
		return firstlight.Connect(options, at.server)
	case "faults":
		return firstlight.Connect(options, at.faults[0])
	case "both_faults":
		return firstlight.Connect(options, at.faults...)
	case "tls":
		options.CAFile = at.ca
		return firstlight.Connect(options, at.tls)
	}
	return nil, fmt.Errorf("no such target: %q", c.Target)
}

func (s step) run(client *firstlight.Client, names map[string]string) any {
	arguments := expand(s.Args, names)
	if s.Repeat == 0 {
		return s.once(client, arguments, names)
	}
	outcomes := []any{}
	for range s.Repeat {
		outcomes = append(outcomes, s.once(client, arguments, names))
	}
	return outcomes
}

func (s step) once(client *firstlight.Client, arguments any, names map[string]string) (outcome any) {
	defer func() {
		if fault := recover(); fault != nil {
			outcome = crash(fault)
		}
	}()
	var given args
	if err := convert(arguments, &given); err != nil {
		return crash(err)
	}
	result, err := call(client, s.Call, given)
	if err != nil {
		return failure(err)
	}
	if fields, ok := result.(object); ok {
		for name, field := range s.Save {
			if found, ok := fields[field]; ok {
				names[name] = fmt.Sprint(found)
			}
		}
	}
	return object{"result": result}
}

// expand replaces ${name} in every string, and {"$repeat": {"count", "value"}} by the list that it stands for.
func expand(value any, names map[string]string) any {
	switch value := value.(type) {
	case string:
		for name, text := range names {
			value = strings.ReplaceAll(value, "${"+name+"}", text)
		}
		return value
	case []any:
		expanded := make([]any, len(value))
		for i, element := range value {
			expanded[i] = expand(element, names)
		}
		return expanded
	case map[string]any:
		if repeat, ok := value["$repeat"].(map[string]any); ok {
			count, _ := repeat["count"].(json.Number).Int64()
			expanded := make([]any, count)
			pattern := expand(repeat["value"], names)
			for i := range expanded {
				expanded[i] = expand(pattern, map[string]string{"i": strconv.Itoa(i)})
			}
			return expanded
		}
		expanded := make(map[string]any, len(value))
		for key, element := range value {
			expanded[key] = expand(element, names)
		}
		return expanded
	}
	return value
}

// convert puts plain JSON into a struct.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return decode(text, to)
}

// decode keeps numbers as they are written, so that 5 and 5.0 can be told apart.
func decode(text []byte, to any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(to)
}

func crash(fault any) any { return object{"crash": fmt.Sprint(fault)} }
