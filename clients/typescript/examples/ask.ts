/**
 * Asks a gateway one question and shows the phases as they arrive.
 *
 *     node build/examples/ask.js "What is 47 + 38?" http://127.0.0.1:50051
 */
import { Client, TriphaseError } from "../src/index.js";
import { DEFAULT_URL, grpcTransport } from "../src/node.js";

const [prompt = "What is 47 + 38?", url = DEFAULT_URL] = process.argv.slice(2);
const transport = grpcTransport(url);
const client = new Client(transport);

try {
  const [model] = await client.models();
  for await (const { event } of client.stream({ model: model?.name ?? "", prompt, effort: "low" })) {
    switch (event.case) {
      case "promptSummaryDelta":
        console.log("asked:", event.value.text);
        break;
      case "reasoningSummaryDelta":
        console.log("thinks:", event.value.text);
        break;
      case "outputDelta":
        process.stdout.write(event.value.text);
        break;
      case "completed":
        console.log(`\n${event.value.usage?.outputTokens} tokens`);
    }
  }
} catch (error) {
  if (!(error instanceof TriphaseError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  transport.close();
}
