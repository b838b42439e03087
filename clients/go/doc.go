// Package triphase is the Go client of the Triphase gateway for reasoning models.
//
// A [Client] opens streams of typed [Event]s: a prompt summary at once, a reasoning summary that grows while the model
// thinks, then the output.
//
//	client, err := triphase.NewClient("127.0.0.1:50051")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	for event, err := range client.Stream(ctx, triphase.Ask("reference", "What is 47 + 38?")) {
//		if err != nil {
//			return err
//		}
//		switch body := event.Body.(type) {
//		case *triphase.ReasoningSummaryDelta:
//			fmt.Println("thinks:", body.Text)
//		case *triphase.OutputDelta:
//			fmt.Print(body.Text)
//		}
//	}
//
// Messages are those that package gatewayv1 has from the contract; there is no second vocabulary, only shorter names for
// some of them. A [Fold] makes one response of a stream. Every call that fails is an [*Error].
package triphase
