// The package `openai` for Node.js, an old and a new one: completions, and a refusal with its class.
import OpenAI4 from "openai-4";
import OpenAI7 from "openai-7";

const messages = [{ role: "user", content: "Hi" }];

async function complete(OpenAI) {
  const client = new OpenAI();
  const model = (await client.models.list()).data[0].id;
  const whole = await client.chat.completions.create({ model, messages });
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true }))
    text += chunk.choices[0]?.delta.content ?? "";
  const failing = [{ role: "user", content: process.env.FAILING_PROMPT }];
  const failure = await client.chat.completions.create({ model, messages: failing, stream: true }).catch((e) => e);
  return whole.choices[0].message.content === text && failure instanceof OpenAI.RateLimitError;
}

for (const [version, OpenAI] of Object.entries({ 4: OpenAI4, 7: OpenAI7 })) {
  let detail = "";
  const ok = await complete(OpenAI).catch((error) => ((detail = `${error}`), false));
  console.log(JSON.stringify({ client: `openai (node) ${version}`, way: "chat completions", ok, detail }));
}
