// Chats of the AI SDK in its three versions on /api/chat: answered, left and resumed, regenerated, and not as they were.
import { Chat as Chat5 } from "@ai-sdk/react-5";
import { Chat as Chat6 } from "@ai-sdk/react-6";
import { Chat as Chat7 } from "@ai-sdk/react-7";
import { DefaultChatTransport as Transport5 } from "ai-5";
import { DefaultChatTransport as Transport6 } from "ai-6";
import { DefaultChatTransport as Transport7 } from "ai-7";

const api = `${process.env.SITE}/api/chat`;
const headers = { Authorization: `Bearer ${process.env.OPENAI_API_KEY}` };
const versions = { 5: [Chat5, Transport5], 6: [Chat6, Transport6], 7: [Chat7, Transport7] };
const textOf = (message) => message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");

async function chatWith(Chat, Transport) {
  const open = (messages = []) => new Chat({ id, messages, transport: new Transport({ api, headers }) });
  const whole = await answered(open());
  const resumed = await resume(open);
  return {
    "a Chat: send, regenerate": whole,
    "a Chat: leave, load, resume": resumed,
    "a Chat: another history": await differ(open),
  };
}

async function answered(chat) {
  await chat.sendMessage({ text: "Hi" });
  const first = textOf(chat.lastMessage);
  await chat.regenerate();
  return chat.status === "ready" && chat.messages.length === 2 && first === textOf(chat.lastMessage) && first !== "";
}

async function load() {
  return (await (await fetch(`${api}/${id}`, { headers })).json()).messages;
}

let id;
async function resume(open) {
  const chat = open(await load());
  const sending = chat.sendMessage({ text: process.env.SLOW_PROMPT });
  while (!(chat.messages.length === 4 && textOf(chat.lastMessage))) await new Promise(setImmediate);
  await chat.stop(); // as a page that is closed
  await sending;
  const later = open(await load());
  await later.resumeStream();
  return later.status === "ready" && textOf(later.lastMessage) === process.env.SLOW_TEXT;
}

async function differ(open) {
  const messages = await load();
  messages[0].parts = [{ type: "text", text: "Something else" }];
  const chat = open(messages);
  await chat.sendMessage({ text: "And now?" });
  return JSON.parse(chat.error.message).code === "history_mismatch";
}

for (const [version, [Chat, Transport]] of Object.entries(versions)) {
  id = `chat-${version}-${Date.now()}`;
  const client = `AI SDK ${version}`;
  try {
    for (const [way, ok] of Object.entries(await chatWith(Chat, Transport)))
      console.log(JSON.stringify({ client, way, ok, detail: ok ? "" : "fails" }));
  } catch (error) {
    console.log(JSON.stringify({ client, way: "a Chat", ok: false, detail: `${error}` }));
  }
}
