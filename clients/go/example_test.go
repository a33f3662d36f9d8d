package firstlight_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestTheExampleOfTheReadmeRuns(t *testing.T) {
	server := serve(t, recommended)
	printed, err := exec.Command("go", "run", "./example", server.address).CombinedOutput()
	if err != nil || string(printed) != "50 0.5 Many like it.\n" {
		t.Errorf("%v: %s", err, printed)
	}
	example, err := os.ReadFile("example/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(example), "func main")
	if readme, _ := os.ReadFile("README.md"); !strings.Contains(string(readme), body) {
		t.Error("README.md does not show example/main.go")
	}
}
