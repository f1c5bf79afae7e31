/* Requests to this site's views, which answer a script with the part of the page that changed. */

export const RETRY = 2_000; // ms between two tries of what has to come right
const HEADERS = { "X-Requested-With": "fetch" };

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Something that a person has to be told: `message` is the sentence. `mayPass`: the same request may go well later. */
export class Refused extends Error {
  constructor(message, mayPass = false) {
    super(message);
    this.mayPass = mayPass;
  }
}

/** The newest token: a log-in in another tab has changed the one that the form came with. With HTTPS=1 the cookie has
 * the prefix, and a plain one is another subdomain's. */
function csrfToken() {
  return (document.cookie.match(/(?:^|; )__Host-csrftoken=([^;]+)/) ?? document.cookie.match(/(?:^|; )csrftoken=([^;]+)/))?.[1];
}

/** What comes from the network: it may break off at any time, also in the middle of a reply. */
async function arriving(promise) {
  try {
    return await promise;
  } catch {
    throw new Refused("The server cannot be reached. Please try again.", true);
  }
}

async function ask(url, options) {
  const response = await arriving(fetch(url, { headers: HEADERS, ...options }));
  if (response.redirected) throw new Refused("You are logged out. Log in in another tab, then try again.");
  if (response.status === 409 || response.status === 422) throw new Refused((await response.json()).message);
  if (response.status === 400 || response.status === 413) throw new Refused("The message is too long.");
  if (response.status === 403) throw new Refused("This page is out of date. Please reload it.");
  if (response.status === 404) throw new Refused("This does not exist any more.");
  if (!response.ok) throw new Refused("Something went wrong on our side. Please try again.", true);
  return response;
}

export function get(url) {
  return ask(url);
}

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** The element of a reply that was asked for. A reply that breaks off may look like a whole one. */
export function wanted(html, selector) {
  const found = parse(html).querySelector(selector);
  if (!found) throw new Refused("Half a reply has arrived. Please try again.", true);
  return found;
}

export async function getHtml(url) {
  return arriving((await ask(url)).text());
}

/** POST the fields of a form, with the newest token. */
export function post(url, fields) {
  const token = csrfToken();
  if (token) fields.set("csrfmiddlewaretoken", token);
  return ask(url, { method: "POST", body: fields });
}
