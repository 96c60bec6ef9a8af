// A DJ's own place: where it is, when the turn comes, the time left, what is wrong, and what the DJ can do. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { canStepBack, endingSentence, estimateSentence, keptOutSentence, ownSecondsLeft } from './desk-model.js';
import { element, notice, show } from './dom.js';
import { HealthWidget } from './health-widget.js';
import { LevelWidget } from './level-widget.js';
import { clockFace, placeOf, placeSentence, status, unhealthySentence } from './queue-model.js';
import { StillWidget } from './still-widget.js';

/** So little is left that the clock says so. */
const SHORT_SECONDS = 60;

export class PlaceWidget {
  #user;
  #channel;
  #ended = null;
  #hasLeft = false;
  #entry = null;
  #drawn = {};
  #still = null;
  #parts = {
    words: element('div', { role: 'status' }), clock: element('p', { class: 'desk-clock', hidden: true }),
    estimate: element('p', { class: 'now-time' }), trouble: element('div'), acts: element('p', { class: 'acts' }),
    message: element('div'), still: element('div'),
  };
  #health = new HealthWidget(() => api.ownHealth());
  #level = new LevelWidget('/api/v1/me/level');

  constructor(root, user, channel) {
    this.#user = user;
    this.#channel = channel;
    const { words, clock, estimate, trouble, acts, message, still } = this.#parts;
    show(words, element('p', { class: 'placeholder' }, 'Looking for your place…'));
    show(root, element('h2', {}, 'Your place'), words, clock, estimate, message, trouble,
      element('div', { class: 'desk-stream' }, still, element('div', {}, this.#level.root, this.#health.root)), acts);
  }

  /** The last turn ended with `reason`; said until one has a place again. */
  ended(reason) {
    // For the queue both are the same; the DJ knows which it was.
    this.#ended = reason === 'removed' && this.#hasLeft ? 'left' : reason;
  }

  render(view, now) {
    const entry = placeOf(view, this.#user)?.entry;
    if (entry) this.#ended = null;
    // A new place: what ended the last one is over.
    if (entry && entry.id !== this.#entry) [this.#entry, this.#hasLeft] = [entry.id, false];
    const badge = entry && status(entry, now);
    const keptOut = entry ? null : keptOutSentence(view, this.#user);
    const place = placeSentence(view, this.#user);
    this.#set('words', [place, badge?.word, this.#ended, keptOut], () => [
      element('p', { class: 'desk-place' }, badge && element('span', { class: `badge badge-${badge.tone}` }, badge.word), ' ', element('b', {}, place)),
      entry?.held && element('p', {}, 'An operator holds your place: you keep it, and others go before you until it is released.'),
      this.#ended && element('p', {}, endingSentence(this.#ended)),
      keptOut && notice('bad', keptOut),
    ]);
    const unhealthy = entry ? unhealthySentence(entry, now) : null;
    const missing = entry?.missing ?? [];
    this.#set('trouble', [unhealthy, missing], () => [
      unhealthy && notice('bad', unhealthy),
      missing.length > 0 && element('ul', { class: 'steps' }, missing.map((text) => element('li', {}, text))),
    ]);
    this.#set('acts', [entry?.id, entry?.state, canStepBack(view, this.#user)], () => this.#acts(view, entry));
    this.#look(entry);
    this.tick(view, now);
  }

  /** Only what counts down. */
  tick(view, now) {
    const entry = placeOf(view, this.#user)?.entry;
    const left = ownSecondsLeft(view, this.#user, now);
    const { clock, estimate } = this.#parts;
    clock.hidden = left === null;
    if (left !== null) clock.textContent = left > 0 ? `${clockFace(left)} left` : 'Your time is up';
    clock.classList.toggle('is-short', left !== null && left <= SHORT_SECONDS);
    const sentence = estimateSentence(entry, now) ?? '';
    if (estimate.textContent !== sentence) estimate.textContent = sentence;
    if (entry?.unhealthy) this.#set('trouble', [Math.floor(now / 1000)], () => [notice('bad', unhealthySentence(entry, now))]);
  }

  /** Draws a part when what it depends on is new: what is read aloud is not said twice, and a pressed button stays. */
  #set(part, reasons, draw) {
    const key = JSON.stringify(reasons);
    if (this.#drawn[part] === key) return;
    this.#drawn[part] = key;
    show(this.#parts[part], draw());
  }

  #look(entry) {
    const isConnected = Boolean(entry?.connected);
    this.#health.isOn = isConnected;
    this.#level.isOn = isConnected;
    if (this.#still && this.#still.entry !== entry?.id) {
      this.#still.widget.isOn = false;
      this.#still = null;
      show(this.#parts.still);
    }
    if (entry && !this.#still) {
      this.#still = { entry: entry.id, widget: new StillWidget(this.#channel, entry.id, 'your encoder') };
      show(this.#parts.still, this.#still.widget.root);
    }
    if (this.#still) this.#still.widget.isOn = isConnected;
  }

  #acts(view, entry) {
    if (!entry) return [];
    const isOnAir = entry.state === 'onAir';
    const back = canStepBack(view, this.#user) && element('button', { class: 'button button-small', type: 'button', onclick: (event) => this.#stepBack(event.target) }, 'Let one go first');
    const leave = element('button', { class: 'button button-small button-danger', type: 'button', onclick: () => this.#leave(isOnAir) }, isOnAir ? 'End my slot' : 'Leave the queue');
    return [back, leave];
  }

  async #stepBack(button) {
    button.disabled = true;
    await this.#send(() => api.stepBack(this.#channel));
    button.disabled = false;
  }

  async #leave(isOnAir) {
    const agreed = await confirmed({
      title: isOnAir ? 'End your slot?' : 'Leave the queue?', action: isOnAir ? 'End my slot' : 'Leave the queue',
      text: `${isOnAir ? 'The next DJ goes on air now.' : 'You lose your place.'} Press Stop Streaming in OBS as well: an encoder that connects again joins at the end.`,
    });
    if (!agreed) return;
    this.#hasLeft = true;
    await this.#send(() => api.leave(this.#channel));
  }

  async #send(work) {
    show(this.#parts.message);
    try {
      await work();
    } catch (error) {
      show(this.#parts.message, notice('bad', error.slug === 'queue-moved' ? 'The queue moved at the same moment, so nothing was done. Try again.' : error.message));
    }
  }
}
