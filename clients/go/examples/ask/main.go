// Ask shows the three phases of an answer as they come: go run ./examples/ask "What is 47 + 38?"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	triphase "triphase.dev/clients/go"
)

func main() {
	target := flag.String("gateway", triphase.DefaultTarget, "where the gateway listens")
	model := flag.String("model", "reference", "the public name of a model")
	timeout := flag.Duration("timeout", 0, "how long the answer may take; 0 = as long as it wants")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *timeout)
		defer cancel()
	}
	prompt := "What is 47 + 38?"
	if flag.NArg() > 0 {
		prompt = flag.Arg(0)
	}
	if err := ask(ctx, os.Stdout, *target, triphase.Ask(*model, prompt)); err != nil {
		explain(os.Stderr, err)
		os.Exit(1)
	}
}

func ask(ctx context.Context, out io.Writer, target string, request *triphase.Request) error {
	client, err := triphase.NewClient(target)
	if err != nil {
		return err
	}
	defer client.Close()
	for event, err := range client.Stream(ctx, request) {
		if err != nil {
			return err
		}
		switch body := event.Body.(type) {
		case *triphase.PromptSummaryDelta:
			fmt.Fprintln(out, "asked: ", body.Text)
		case *triphase.ReasoningSummaryDelta:
			fmt.Fprintln(out, "thinks:", body.Text)
		case *triphase.OutputDelta:
			fmt.Fprint(out, body.Text)
		case *triphase.Completed:
			fmt.Fprintf(out, "\n%d tokens\n", body.Usage.GetOutputTokens())
		}
	}
	return nil
}

func explain(out io.Writer, err error) {
	fmt.Fprintln(out, err)
	var failed *triphase.Error
	if !errors.As(err, &failed) {
		return
	}
	for _, violation := range failed.Violations {
		fmt.Fprintf(out, "  %s %s\n", violation.Field, violation.Description)
	}
	if failed.RetryAfter != nil {
		fmt.Fprintf(out, "  again in %s\n", *failed.RetryAfter)
	}
}
