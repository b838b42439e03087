package triphase

// Against a real gateway with its embedded model: the one at $TRIPHASE_GATEWAY, or else one of this clone, by uv.

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"triphase.dev/clients/go/gatewayv1"
)

const listening = "triphase-server is listening on "

// realGateway returns where a gateway listens. In CI one must be there.
func realGateway(t *testing.T) string {
	t.Helper()
	if target := os.Getenv("TRIPHASE_GATEWAY"); target != "" {
		return target
	}
	if _, err := exec.LookPath("uv"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no uv, so that no gateway can be started")
		}
		t.Skip("no uv, so that no gateway can be started: TRIPHASE_GATEWAY names one that runs")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	check(t, err)
	server := exec.Command("uv", "run", "--locked", "--package", "triphase-server", "triphase-server", "serve",
		"--listen", "127.0.0.1:0", "--log-level", "error")
	server.Dir = root
	server.Env = withoutVirtualEnv(os.Environ())
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // uv and what it starts, to be ended together
	reader, writer := io.Pipe()
	server.Stdout, server.Stderr = writer, writer
	check(t, server.Start())
	ended := make(chan error, 1)
	go func() {
		err := server.Wait()
		_ = writer.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() { end(t, server, ended) })
	return awaitListening(t, reader)
}

func withoutVirtualEnv(variables []string) []string {
	var kept []string
	for _, variable := range variables {
		if !strings.HasPrefix(variable, "VIRTUAL_ENV=") {
			kept = append(kept, variable)
		}
	}
	return kept
}

func end(t *testing.T, server *exec.Cmd, ended chan error) {
	t.Helper()
	_ = syscall.Kill(-server.Process.Pid, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
		<-ended
		t.Error("the gateway did not stop")
	}
}

// awaitListening reads what the gateway prints until it tells its address, and goes on reading.
func awaitListening(t *testing.T, output io.Reader) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		var said strings.Builder
		for lines := bufio.NewScanner(output); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if _, target, ok := strings.Cut(lines.Text(), listening); ok {
				found <- strings.TrimSpace(target)
				_, _ = io.Copy(io.Discard, output)
				return
			}
		}
		found <- "\n" + said.String()
	}()
	select {
	case target := <-found:
		if strings.HasPrefix(target, "\n") {
			t.Fatalf("the gateway ended:%s", target)
		}
		return target
	case <-time.After(5 * time.Minute): // the first start installs what it needs
		t.Fatal("the gateway does not listen")
		return ""
	}
}

func TestRealGateway(t *testing.T) {
	target := realGateway(t)
	client, err := NewClient(target)
	check(t, err)
	defer client.Close()
	t.Run("health", func(t *testing.T) {
		for _, service := range []string{"", gatewayv1.GatewayService_ServiceDesc.ServiceName} {
			if state, err := client.Health(soon(t), service); err != nil || state != Serving {
				t.Errorf("%q: %v, %v", service, state, err)
			}
		}
	})
	models, err := client.Models(soon(t))
	check(t, err)
	t.Run("answer", func(t *testing.T) { realAnswer(t, client, models[0].Name) })
	t.Run("whole", func(t *testing.T) {
		response, err := client.Generate(soon(t), Ask(models[0].Name, "What is 81 - 37?"))
		check(t, err)
		if !strings.Contains(response.Output, "44") || len(response.ReasoningSummary) == 0 {
			t.Errorf("got %v", response)
		}
	})
	t.Run("unknown model", func(t *testing.T) {
		_, err := client.Generate(soon(t), Ask("no-such-model", "?"))
		if failed := failedWith(t, err, codes.NotFound); failed.Reason != "CALLER_UNKNOWN_MODEL" || failed.Midway {
			t.Errorf("got %+v", failed)
		}
	})
	t.Run("invalid request", func(t *testing.T) { realRefusal(t, client, models[0].Name) })
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*ms) // the model writes for longer
		defer cancel()
		_, err := client.Generate(ctx, Ask(models[0].Name, "What is 47 + 38?"))
		if failedWith(t, err, codes.DeadlineExceeded); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// realAnswer holds a whole answer to the protocol, and its phases to their order.
func realAnswer(t *testing.T, client *Client, model string) {
	var fold Fold
	var phases []gatewayv1.Phase
	for event, err := range client.Stream(soon(t), Ask(model, "What is 47 + 38?")) {
		check(t, err)
		check(t, fold.Feed(event))
		if opened, ok := event.Body.(*PhaseStarted); ok {
			phases = append(phases, opened.Phase)
		}
	}
	if len(phases) != 3 || phases[0] != 1 || phases[1] != 2 || phases[2] != 3 {
		t.Errorf("phases %v", phases)
	}
	response, err := fold.Response()
	check(t, err)
	if response.PromptSummary != "What is 47 + 38?" || response.Output != "47 + 38 = 85" ||
		response.Completed.Usage.OutputTokens == 0 {
		t.Errorf("got %v", response)
	}
}

func realRefusal(t *testing.T, client *Client, model string) {
	request := Ask(model, "?")
	temperature := 9.0
	request.Sampling = &gatewayv1.Sampling{Temperature: &temperature}
	_, err := client.Generate(soon(t), request)
	failed := failedWith(t, err, codes.InvalidArgument)
	if failed.Reason != "CALLER_INVALID_REQUEST" || len(failed.Violations) != 1 ||
		failed.Violations[0].Field != "sampling.temperature" || failed.Metadata["response_id"] == "" {
		t.Errorf("got %+v", failed)
	}
}
