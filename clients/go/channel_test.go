package triphase

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestLoopback(t *testing.T) {
	for target, want := range map[string]bool{
		"127.0.0.1:50051": true, "127.8.9.1:1": true, "localhost:50051": true, "LOCALHOST:1": true, "localhost": true,
		"localhost.:1": true, "a.localhost:1": true, "[::1]:50051": true, "::1": true, "[::ffff:127.0.0.1]:1": true,
		"dns:///127.0.0.1:1": true, "dns:///[::1]:1": true, "dns:localhost:1": true, "passthrough:///127.0.0.1:1": true,
		"dns://8.8.8.8/localhost:1": true, "unix:/run/gateway": true, "unix-abstract:gateway": true,
		"gateway:50051": false, "10.0.0.1:1": false, "localhost.example:1": false, "[2001:db8::1]:1": false,
		"dns:///gateway.example:1": false, "": false, "dns://127.0.0.1/gateway:1": false, "notlocalhost:1": false,
	} {
		if got := isLoopback(target); got != want {
			t.Errorf("%q: %t", target, got)
		}
	}
}

// Go reads the variables once, so that the test runs itself as another process, whose proxy leads nowhere. Go itself
// spares localhost, written in small letters, and no more.
func TestAProxyDoesNotSwallowLoopback(t *testing.T) {
	if target := os.Getenv("TRIPHASE_TEST_TARGET"); target != "" {
		client, err := NewClient(target, WithRetry(NoRetry))
		check(t, err)
		defer client.Close()
		_, err = client.Models(soon(t))
		check(t, err)
		return
	}
	fake := newFakeGateway(t)
	target := strings.Replace(fake.target, "127.0.0.1", "LOCALHOST", 1)
	again := exec.CommandContext(soon(t), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), "TRIPHASE_TEST_TARGET="+target, "NO_PROXY=", "no_proxy=",
		"HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9")
	output, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, output)
	}
	if len(fake.metadata) != 1 {
		t.Fatalf("%d calls came", len(fake.metadata))
	}
}
