/* What a page shows while a request to a model's server is retried, by the error's code (runs/errors.py). */

/** @param {{code: string}} data of run.retrying */
export function retryingLabel({ code }) {
  if (code === "upstream_loading") return "The model is being loaded, which may take a few minutes…";
  if (code === "upstream_rejected" || code === "context_length_exceeded") return "Trying again in another way…";
  return "The model is busy, trying again…";
}
