/* The elements of messages, as the server makes them. */

/** @param {ParentNode} element */
export function messagesIn(element) {
  return /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[data-message]")]);
}

/** Whether two articles show the same: written by the same run, with as many versions. */
export function isSameVersion(current, fresh) {
  return ["run", "versions"].every((name) => current.dataset[name] === fresh.dataset[name]);
}
