// The picture as the server receives it: a still, asked for anew while somebody looks. Owns the element it makes.

import { element } from './dom.js';

/** The server makes at most one each 5 s. */
const EVERY_MILLISECONDS = 5000;
/** After a failure (nothing arrives yet, or this server makes no stills) it is asked less often. */
const AFTER_FAILURE_MILLISECONDS = 15000;

export class StillWidget {
  #address;
  #image;
  #timer = null;
  #isOn = false;

  /** `name`: whose picture it is, for those who do not see it. */
  constructor(channel, entry, name) {
    this.#address = `/api/v1/channels/${encodeURIComponent(channel)}/entries/${entry}/still.jpg`;
    this.#image = element('img', { alt: `What ${name} sends now`, width: 320, height: 180 });
    // Nothing is shown before there is a picture: an empty frame only takes room on a phone.
    this.root = element('div', { class: 'still', hidden: true }, this.#image);
    this.#image.addEventListener('load', () => this.#shown(true));
    this.#image.addEventListener('error', () => this.#shown(false));
  }

  /** On while it is on a page that somebody looks at; may be called often. */
  set isOn(wanted) {
    if (wanted === this.#isOn) return;
    this.#isOn = wanted;
    clearTimeout(this.#timer);
    if (wanted) this.#ask();
  }

  #ask() {
    if (!this.#isOn) return;
    if (document.hidden) this.#again(EVERY_MILLISECONDS);
    else this.#image.src = `${this.#address}?at=${Date.now()}`;
  }

  #shown(isThere) {
    this.root.hidden = !isThere;
    this.#again(isThere ? EVERY_MILLISECONDS : AFTER_FAILURE_MILLISECONDS);
  }

  #again(milliseconds) {
    clearTimeout(this.#timer);
    if (this.#isOn) this.#timer = setTimeout(() => this.#ask(), milliseconds);
  }
}
