/* Files on their way to the server: one after another, with progress; tried again when the connection was lost. */

import { csrfToken, delay, LoggedOut, RequestError, RETRY_DELAY } from "../shell/requests.js";

const ATTEMPTS = 4; // of one upload, before its chip offers to retry
const ADDRESS = "/files";
const TOO_LARGE = "The file is too large for this site.";
const UNREACHABLE = "The upload was interrupted.";

/** The turn of the next upload: the server reads one image at a time. */
let turn = Promise.resolve();

/** One file's upload. `onChange` is called when its progress or state has changed. */
export class Upload {
  /** @type {"waiting" | "sending" | "stored" | "failed"} */
  state = "waiting";
  progress = 0; // of 1
  id = "";
  /** @type {RequestError | null} */
  error = null;
  /** @type {XMLHttpRequest | null} */
  #request = null;
  #isCancelled = false;
  #file;
  #token;
  #onChange;
  /** @type {Promise<void>} */
  #done;

  /** `token`: against forged requests, of the form. @param {File} file @param {string} token
   * @param {(upload: Upload) => void} onChange */
  constructor(file, token, onChange) {
    [this.#file, this.#token, this.#onChange] = [file, token, onChange];
    this.start();
  }

  /** Send it, when those before it have been sent. */
  start() {
    this.#set("waiting");
    turn = turn.then(() => this.#send());
    this.#done = turn;
  }

  /** Forget it, whatever has arrived. */
  cancel() {
    this.#isCancelled = true;
    this.#request?.abort();
  }

  /** Wait until it is stored. Raises its error. */
  async stored() {
    await this.#done;
    if (this.error) throw this.error;
  }

  #set(state, error = null) {
    [this.state, this.error] = [state, error];
    this.#onChange(this);
  }

  async #send() {
    for (let attempt = 1; !this.#isCancelled; attempt += 1) {
      this.progress = 0;
      this.#set("sending");
      try {
        this.id = (await this.#post()).id;
        return this.#set("stored");
      } catch (error) {
        if (this.#isCancelled) return;
        if (!error.isRetryable || attempt === ATTEMPTS) return this.#set("failed", error);
        await Promise.race([
          delay(RETRY_DELAY * attempt),
          new Promise((online) => addEventListener("online", online, { once: true })),
        ]);
      }
    }
  }

  /** @returns {Promise<{id: string}>} */
  #post() {
    const fields = new FormData();
    fields.set("csrfmiddlewaretoken", csrfToken() ?? this.#token);
    fields.set("file", this.#file, this.#file.name);
    const request = new XMLHttpRequest(); // fetch reports no progress
    this.#request = request;
    request.open("POST", ADDRESS);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      this.progress = total ? loaded / total : 0;
      this.#onChange(this);
    });
    return new Promise((resolve, reject) => {
      request.addEventListener("load", () =>
        request.status === 200 ? resolve(request.response) : reject(errorOf(request)),
      );
      request.addEventListener("error", async () =>
        reject((await isLoggedOut()) ? new LoggedOut("your files are saved") : lost()),
      );
      request.addEventListener("abort", () => reject(lost()));
      request.send(fields);
    });
  }
}

const lost = () => new RequestError(UNREACHABLE, true);

/** A server that refuses a stranger's upload closes the connection, which browsers may report as a lost one. */
async function isLoggedOut() {
  const response = await fetch(ADDRESS).catch(() => null);
  return response?.status === 401;
}

/** @param {XMLHttpRequest} request */
function errorOf({ status, response }) {
  if (status === 401) return new LoggedOut("your files are saved");
  if (status === 403) return new RequestError("This page is out of date. Please reload it.");
  if (response?.message) return new RequestError(response.message, response.retryable);
  if (status === 413) return new RequestError(TOO_LARGE);
  return new RequestError("This file could not be uploaded.", status >= 500);
}
