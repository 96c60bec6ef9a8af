// A part of the admin page that is loaded when it is opened: loading, what is there, an error with a way to try again.

import { element, focusAgain, notice, show } from './dom.js';

/** Shows `title`, then what `draw(answer)` makes of `load()`'s answer. Answers `reload()`. */
export function panel(root, title, load, draw) {
  const body = element('div');
  const message = element('div');
  let turn = 0;
  show(root, element('h2', {}, title), message, body);
  const reload = async () => {
    turn += 1;
    const mine = turn;
    if (body.childElementCount === 0) show(body, element('p', { class: 'placeholder' }, 'Loading…'));
    try {
      const answer = await load();
      // A later request's answer is newer, whichever comes first.
      if (mine !== turn) return;
      const drawn = draw(answer);
      // The same as before stays where it is, so that who types in it is not interrupted.
      if (body.firstChild !== drawn) show(body, drawn);
    } catch (error) {
      if (mine !== turn) return;
      if (error.status === 404) show(body, element('p', { class: 'placeholder' }, 'This server does not have it.'));
      else show(body, notice('bad', error.message), element('button', { class: 'button', type: 'button', onclick: reload }, 'Try again'));
    }
  };
  /** Does `work`, says how it went, and shows what is there then. */
  const act = async (work, done) => {
    show(message);
    try {
      const answer = await work();
      const words = typeof done === 'function' ? done(answer) : done;
      if (words) show(message, words instanceof Node ? words : notice('good', words));
    } catch (error) {
      show(message, notice('bad', error.message));
    }
    await reload();
  };
  return { reload, act };
}

/** A button for one act in a panel. */
export function actButton(label, title, onclick, isDanger = false) {
  const button = element('button', {
    class: `button button-small${isDanger ? ' button-danger' : ''}`, type: 'button', 'aria-label': title,
    onclick: async () => {
      button.disabled = true;
      await onclick();
      button.disabled = false;
      focusAgain(button);
    },
  }, label);
  return button;
}

/** A table that scrolls by itself on a narrow page. `rows` are arrays of texts or nodes. */
export function table(caption, heads, rows) {
  return element('div', { class: 'table-frame', tabindex: '0', role: 'region', 'aria-label': caption },
    element('table', {}, element('thead', {}, element('tr', {}, heads.map((head) => element('th', { scope: 'col' }, head)))),
      element('tbody', {}, rows.map((row) => element('tr', {}, row.map((cell) => element('td', {}, cell)))))));
}
