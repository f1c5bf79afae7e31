/* Requests to this site's views, which answer scripts with the part of the page that changed. */

export const RETRY_DELAY = 2_000; // ms
const HEADERS = { "X-Requested-With": "fetch" };

/** @type {(ms: number) => Promise<void>} */
export const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `message` is a sentence for the user; `isRetryable`: the same request may succeed later. */
export class RequestError extends Error {
  isLoggedOut = false;
  isGone = false;

  /** @param {string} message */
  constructor(message, isRetryable = false) {
    super(message);
    this.isRetryable = isRetryable;
  }

  /** The sentence, which may contain a link.
   * @returns {(string | Node)[]} */
  get sentence() {
    return [this.message];
  }
}

/** The session has expired. `rest`, if given, ends the sentence after the link: the page can then be left. Without it
 * the link opens another tab, since what was typed is only here. */
export class LoggedOut extends RequestError {
  isLoggedOut = true;

  constructor(rest = "") {
    super(rest ? `You’re logged out. Log in – ${rest}.` : "You’re logged out. Log in in another tab, then try again.");
    this.rest = rest;
  }

  get sentence() {
    const link = document.createElement("a");
    link.href = `/login?${new URLSearchParams({ next: location.pathname + location.search })}`;
    link.textContent = this.rest ? "Log in" : "Log in in another tab";
    if (!this.rest) link.target = "_blank";
    const [before, after] = this.message.split(link.textContent);
    return [before, link, after];
  }
}

/** The newest token: a log-in in another tab has replaced the one that the form came with. With HTTPS=1 the cookie has
 * the prefix, and one without it was set by another subdomain. */
export function csrfToken() {
  const prefixed = document.cookie.match(/(?:^|; )__Host-csrftoken=([^;]+)/);
  return (prefixed ?? document.cookie.match(/(?:^|; )csrftoken=([^;]+)/))?.[1];
}

/** Await something from the network, which may fail at any time, also in the middle of a response.
 * @template T @param {Promise<T>} promise */
async function receive(promise) {
  try {
    return await promise;
  } catch {
    throw new RequestError("The server can’t be reached. Please try again.", true);
  }
}

/** What was asked for does not exist: it has been deleted, in another tab or on another device. */
class Gone extends RequestError {
  isGone = true;

  constructor() {
    super("This no longer exists.");
  }
}

/** @param {string} url @param {RequestInit} [options] */
async function request(url, options) {
  const response = await receive(fetch(url, { headers: HEADERS, ...options }));
  if (response.redirected || response.status === 401) throw new LoggedOut();
  if (response.status === 409 || response.status === 422) throw new RequestError((await response.json()).message);
  if (response.status === 400 || response.status === 413) throw new RequestError("The message is too long.");
  if (response.status === 403) throw new RequestError("This page is out of date. Please reload it.");
  if (response.status === 404) throw new Gone();
  if (!response.ok) throw new RequestError("Something went wrong on our side. Please try again.", true);
  return response;
}

/** @param {string} url */
export function get(url) {
  return request(url);
}

/** @param {string} html */
export function parseHtml(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** The element that each selector finds in `html`. Raises RequestError if one is not there: a response that was cut off
 * may look like a whole one.
 * @param {string} html @param {string[]} selectors */
export function parseElements(html, ...selectors) {
  const content = parseHtml(html);
  /** @type {HTMLElement[]} */
  const elements = selectors.map((selector) => content.querySelector(selector));
  if (elements.includes(null)) throw new RequestError("The response was incomplete. Please try again.", true);
  return elements;
}

/** The one element that `selector` finds.
 * @param {string} html @param {string} selector */
export function parseElement(html, selector) {
  return parseElements(html, selector)[0];
}

/** @param {string} url @param {RequestInit} [options] */
export async function getHtml(url, options) {
  return receive((await request(url, options)).text());
}

/** POST the fields of a form, with the newest token.
 * @param {string} url @param {FormData} fields */
export function post(url, fields) {
  const token = csrfToken();
  if (token) fields.set("csrfmiddlewaretoken", token);
  return request(url, { method: "POST", body: fields });
}

/** @param {string} url @param {FormData} fields */
export async function postForHtml(url, fields) {
  return receive((await post(url, fields)).text());
}
