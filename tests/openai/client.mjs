// One line in, one line out: what the npm package `openai` does with a running stack.
import OpenAI from "openai";
import readline from "node:readline";

const acts = {
  async complete(client, { text, stream }) {
    const asked = { model: "scripted", messages: [{ role: "user", content: text }] };
    if (!stream) return (await client.chat.completions.create(asked)).choices[0].message.content;
    let said = "";
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
      said += chunk.choices[0]?.delta.content ?? "";
    }
    return said;
  },
  // Breaks the stream off after so many events; returns them.
  async begin(client, { text, events }) {
    const heard = [];
    const stream = await client.responses.create({ model: "scripted", input: text, background: true, stream: true });
    for await (const event of stream) {
      heard.push(event);
      if (heard.length === events) break;
    }
    return heard;
  },
  async resume(client, { id, after }) {
    const heard = [];
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: after }))
      heard.push(event);
    return heard;
  },
  async together(client, { text }) {
    const stream = client.responses.stream({ model: "scripted", input: text });
    return await stream.finalResponse();
  },
  retrieve: (client, { id }) => client.responses.retrieve(id),
  cancel: (client, { id }) => client.responses.cancel(id),
  async items(client, { id }) {
    const found = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 1 })) found.push(item);
    return found;
  },
  async refused(client) {
    try {
      await client.chat.completions.create({ model: "no-such", messages: [{ role: "user", content: "Hi" }] });
    } catch (error) {
      return { name: error.constructor.name, status: error.status, code: error.code, param: error.param };
    }
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { act, url, token, ...rest } = JSON.parse(line);
  try {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
    console.log(JSON.stringify({ value: await acts[act](client, rest) }));
  } catch (error) {
    console.log(JSON.stringify({ failure: String(error.stack) }));
  }
}
