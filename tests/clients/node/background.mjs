// A response in the background: polled to its end, or followed by a client whose connection is cut after every event.
import { client, report } from "./client.mjs";

const request = { model: "up/model", input: "Hi", background: true };
const isOver = ({ status }) => status !== "queued" && status !== "in_progress";

async function polled() {
  const queued = await client.responses.create(request);
  const statuses = [queued.status];
  let response = queued;
  while (!isOver(response)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    response = await client.responses.retrieve(queued.id);
    if (response.status !== statuses.at(-1)) statuses.push(response.status);
  }
  const again = await client.responses.cancel(queued.id);
  return { statuses, answer: response.output_text, unchanged: again.status };
}

async function cancelled() {
  const stream = await client.responses.create({ ...request, stream: true });
  const events = [];
  let asked = null;
  for await (const event of stream) {
    events.push(event);
    if (event.type === "response.output_text.delta") asked ??= await client.responses.cancel(responseId(events));
  }
  const found = await client.responses.retrieve(responseId(events));
  return { asked: asked.status, found: found.status, last: events.at(-1).type };
}

async function cut() {
  const events = [];
  let stream = await client.responses.create({ ...request, stream: true });
  let connections = 1;
  for (;;) {
    for await (const event of stream) {
      events.push(event);
      break; // which closes the connection
    }
    if (isTerminal(events.at(-1))) break;
    const starting_after = events.at(-1).sequence_number;
    stream = await client.responses.retrieve(responseId(events), { stream: true, starting_after });
    connections += 1;
  }
  const replayed = [];
  for await (const event of await client.responses.retrieve(responseId(events), { stream: true })) replayed.push(event);
  return {
    connections,
    numbers: events.map((event) => event.sequence_number),
    answer: events.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta).join(""),
    last: events.at(-1).type,
    same: JSON.stringify(replayed) === JSON.stringify(events),
  };
}

async function helper() {
  const queued = await client.responses.create(request);
  const numbers = [];
  const stream = client.responses.stream({ response_id: queued.id, starting_after: 3 });
  stream.on("event", (event) => numbers.push(event.sequence_number));
  const final = await stream.finalResponse();
  return { answer: final.output_text, first: numbers[0] };
}

function responseId(events) {
  return events[0].response.id;
}

function isTerminal({ type }) {
  return type === "response.completed" || type === "response.incomplete" || type === "response.failed";
}

const ways = { polled, cancelled, cut, helper };
report(await ways[process.argv[2]]());
