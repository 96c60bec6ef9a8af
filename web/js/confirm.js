// Asks before something that cannot be undone.

import { element } from './dom.js';

/** Resolves to whether the person agreed. Escape means no. */
export function confirmed({ title, text, action }) {
  return new Promise((resolve) => {
    const no = element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, 'Keep it as it is');
    const yes = element('button', { class: 'button button-danger', type: 'button', onclick: () => dialog.close('yes') }, action);
    const dialog = element('dialog', { 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
      element('h2', { id: 'confirm-title' }, title), element('p', { id: 'confirm-text' }, text),
      element('p', { class: 'actions' }, yes, no));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
