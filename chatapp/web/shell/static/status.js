/* What is said: one polite region for those who listen, one mark for those who look. */

const region = document.querySelector("[data-status]");
const mark = document.querySelector("[data-connection]");
const CONNECTION = {
  reconnecting: "Reconnecting…",
  crowded: "Too many tabs are open. Close some.",
  logged_out: "Logged out. Reload the page to log in.",
};

export function announce(text) {
  region.textContent = text;
}

/** Show the state of the connection: "open", "reconnecting", "crowded" or "logged_out". */
export function connection(state) {
  const word = CONNECTION[state];
  const wasBroken = !mark.hidden;
  mark.hidden = !word;
  if (word && mark.textContent !== word) mark.textContent = word;
  if (word && !wasBroken) announce(word);
  else if (!word && wasBroken) announce("Connected again");
}
