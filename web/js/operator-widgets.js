// The stage and the queue as an operator steers them. Each widget owns the element it is given.

import { actButtons } from './act-buttons.js';
import { keptOutActs, moveAct, outputActs, queueActs, stageActs, waitingActs } from './acts-model.js';
import { element, notice, show } from './dom.js';
import { NowWidget } from './now-widget.js';
import { PreviewSlot, Previews } from './preview-widget.js';
import { DragHandle } from './queue-drag.js';
import { onAir, status, waiting } from './queue-model.js';
import { drawSteadily } from './steady.js';

const EMERGENCIES = {
  slate: 'An operator holds the output: viewers see the slate.',
  mute: 'An operator holds the output: viewers hear nothing.',
};

/** Who is on air, with the time left and what can be done about it. */
export class OperatorStage {
  #now;
  #acts = element('div');
  #preview;
  #sender;

  constructor(root, sender, channel) {
    this.#sender = sender;
    this.#preview = new PreviewSlot(channel);
    const now = element('div', {}, element('p', { class: 'placeholder' }, 'Asking who is on…'));
    this.#now = new NowWidget(now);
    show(root, element('h2', {}, 'On air'), element('div', { class: 'stage-line' }, element('div', { class: 'now-bar' }, now), this.#preview.root), this.#acts);
  }

  render(view, time) {
    this.#now.render(view, time);
    drawSteadily(this.#acts, () => show(this.#acts,
      EMERGENCIES[view.emergency] && notice('bad', EMERGENCIES[view.emergency]),
      element('div', { class: 'emergency' }, element('p', { class: 'eyebrow' }, 'The output'), actButtons(outputActs(view), this.#sender)),
      stageActs(view).length > 0 && element('p', { class: 'eyebrow' }, 'The slot'), actButtons(stageActs(view), this.#sender)));
    this.#preview.render(onAir(view));
  }

  tick(view, time) {
    this.#now.tick(view, time);
  }
}

/** Those who wait, each with their acts, and the acts on the queue as a whole. */
export class OperatorQueue {
  #root;
  #sender;
  #previews;
  #drag;
  #view = null;

  constructor(root, sender, channel) {
    this.#root = root;
    this.#sender = sender;
    this.#previews = new Previews(channel);
    this.#drag = new DragHandle(async (id, place) => {
      const act = moveAct(this.#view, id, place);
      if (act) await this.#sender.send(act);
    });
  }

  render(view, time) {
    this.#view = view;
    drawSteadily(this.#root, () => {
      const entries = waiting(view);
      this.#previews.keep(entries);
      show(this.#root,
        element('h2', {}, 'Waiting'),
        !view.isOpen && element('p', { class: 'placeholder' }, 'The queue is closed to newcomers.'),
        view.settings?.autoAdvance === false && element('p', { class: 'placeholder' }, 'Nobody is taken by itself: put somebody on air.'),
        entries.length === 0
          ? element('p', { class: 'placeholder' }, 'Nobody is waiting.')
          : element('ol', { class: 'queue' }, entries.map((entry, index) => this.#entry(view, entry, index, time))),
        actButtons(queueActs(view), this.#sender));
    });
  }

  #entry(view, entry, index, time) {
    const { word, tone, note } = status(entry, time);
    return element('li', { class: 'queue-entry queue-entry-operated', 'data-entry': entry.id },
      this.#drag.handle(entry, index + 1),
      element('span', { class: 'queue-name' }, entry.name),
      element('span', { class: `badge badge-${entry.held ? 'warm' : tone}` }, entry.held ? 'Held' : word),
      note && element('p', { class: 'queue-note' }, note),
      this.#previews.of(entry).root,
      element('div', { class: 'queue-acts' }, actButtons(waitingActs(view, entry), this.#sender)));
  }
}

/** Who is banned or has to pause, each with the act that lets them in again. */
export class KeptOut {
  #root;
  #sender;

  constructor(root, sender) {
    this.#root = root;
    this.#sender = sender;
  }

  render(view) {
    const people = keptOutActs(view);
    drawSteadily(this.#root, () => show(this.#root,
      element('h2', {}, 'Kept out'),
      people.length === 0
        ? element('p', { class: 'placeholder' }, 'Nobody is banned or has to pause.')
        : element('ul', { class: 'queue' }, people.map(({ name, words, act }) => element('li', { class: 'queue-entry' },
          element('span', { class: 'queue-name' }, name), element('span', { class: 'badge badge-warm' }, words),
          element('div', { class: 'queue-acts' }, actButtons([act], this.#sender)))))));
  }
}
