// Parts of a page of which one shows. The choice stands in the address, so that a reload and a link keep it.

import { element } from './dom.js';

export class Tabs {
  #tabs;
  #buttons;

  /** `tabs`: `{ id, name, root, open? }`; `open()` is called each time the part is shown. */
  constructor(tabs) {
    this.#tabs = tabs;
    this.#buttons = tabs.map(({ id, name }) => element('button', {
      class: 'tab', type: 'button', role: 'tab', id: `tab-${id}`, 'aria-controls': `part-${id}`, onclick: () => this.#show(id),
    }, name));
    for (const { id, root } of tabs) {
      root.id = `part-${id}`;
      root.setAttribute('role', 'tabpanel');
      root.setAttribute('aria-labelledby', `tab-${id}`);
    }
    const list = element('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Parts of this page' }, this.#buttons);
    list.addEventListener('keydown', (event) => this.#step(event));
    this.root = element('div', {}, list, tabs.map(({ root }) => root));
    const asked = location.hash.slice(1);
    this.#show(tabs.some(({ id }) => id === asked) ? asked : tabs[0].id, false);
  }

  #show(id, isChosen = true) {
    this.#tabs.forEach((tab, index) => {
      const isShown = tab.id === id;
      tab.root.hidden = !isShown;
      this.#buttons[index].setAttribute('aria-selected', String(isShown));
      this.#buttons[index].tabIndex = isShown ? 0 : -1;
      if (isShown) tab.open?.();
    });
    if (isChosen) history.replaceState(null, '', `#${id}`);
  }

  #step(event) {
    const index = this.#buttons.indexOf(document.activeElement);
    const count = this.#buttons.length;
    const next = { ArrowRight: (index + 1) % count, ArrowLeft: (index + count - 1) % count, Home: 0, End: count - 1 }[event.key];
    if (index < 0 || next === undefined) return;
    event.preventDefault();
    this.#buttons[next].focus();
    this.#show(this.#tabs[next].id);
  }
}
