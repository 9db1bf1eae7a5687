// A slow upstream: the helper must accept whatever fills the silence, before the first item and after it.
import { client, report } from "./client.mjs";

const types = [];
const stream = client.responses.stream({ model: "up/model", input: "Hi" });
stream.on("event", (event) => types.push(event.type));
const final = await stream.finalResponse();

report({ types, final: final.output_text });
