// Two calls in one answer: the helper must keep them apart, in deltas and in the final response.
import { client, clock, report, weather } from "./client.mjs";

const deltas = {};
const stream = client.responses.stream({ model: "up/model", input: "Both", tools: [weather, clock] });
stream.on("response.function_call_arguments.delta", (event) => {
  deltas[event.output_index] = (deltas[event.output_index] ?? "") + event.delta;
});
const final = await stream.finalResponse();

report({
  deltas,
  calls: final.output.map((item) => [item.type, item.call_id, item.name, item.arguments, item.status]),
});
