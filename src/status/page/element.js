// Making and changing elements. Text goes in as text, never as markup, so that names can hold anything.

/**
 * An element of HTML with attributes and content; attributes that are null, undefined or false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string)} content
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...content);
  return made;
}

/**
 * An element of SVG, likewise.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string)} content
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...content) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...content);
  return made;
}

/**
 * Sets an attribute where it is another one, or takes it away where the value is null, undefined or false.
 *
 * @param {Element} on
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(on, name, value) {
  if (value === null || value === undefined || value === false) {
    on.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : `${value}`;
  if (on.getAttribute(name) !== text) on.setAttribute(name, text);
}

/**
 * Sets the text where it is another one: an element that is left alone is not painted or read out again.
 *
 * @param {Element} on
 * @param {string} text
 */
export function setText(on, text) {
  if (on.textContent !== text) on.textContent = text;
}

/**
 * The element of the page with this id. Throws where there is none.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Makes these the children of an element, in this order, with as few changes as possible.
 *
 * @param {Element} parent
 * @param {Element[]} wanted
 */
export function arrange(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
