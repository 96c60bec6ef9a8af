// A text to carry elsewhere, with a button that copies it.

import { element } from './dom.js';

export function copyRow(label, text) {
  const shown = element('code', { class: 'secret-text', tabindex: '0' }, text);
  const button = element('button', { class: 'button', type: 'button' }, 'Copy');
  if (label) button.setAttribute('aria-label', `Copy ${label.toLowerCase()}`);
  button.addEventListener('click', async () => {
    button.textContent = (await copy(text, shown)) ? 'Copied' : 'Press Ctrl+C';
    setTimeout(() => { button.textContent = 'Copy'; }, 2500);
  });
  return element('div', { class: 'secret' }, label && element('p', { class: 'secret-label' }, label), shown, button);
}

/** The clipboard is there over HTTPS and on localhost only; elsewhere the text is selected for the person to copy. */
async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(shown);
    return false;
  }
}
