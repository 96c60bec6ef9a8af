// Making elements. Text is always text: nothing here or elsewhere writes HTML from data.

/**
 * An element with properties and children. Properties in `attributes` that begin with `on` are listeners; `false`, `null`
 * and `undefined` leave an attribute out; children that are not nodes become text.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  append(made, children);
  return made;
}

/** Replaces what `parent` shows. */
export function show(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child);
  }
}

/** Gives a button that was switched off for a while, or the one drawn in its stead, the keyboard's place back if nothing else has it. */
export function focusAgain(button) {
  if (document.activeElement !== document.body) return;
  const { act } = button.dataset;
  const present = button.isConnected ? button : act && [...document.querySelectorAll('[data-act]')].find((other) => other.dataset.act === act);
  present?.focus();
}

/** A message set apart from the text around it; `kind` is `good`, `bad` or nothing. */
export function notice(kind, ...children) {
  const isBad = kind === 'bad';
  return element('div', { class: `notice${kind ? ` notice-${kind}` : ''}`, role: isBad ? 'alert' : 'status' },
    ...children.map((child) => (typeof child === 'string' ? element('p', {}, child) : child)));
}
