// Where events are sent to, how that goes, and what failed. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { actButton, panel } from './panel.js';
import { KINDS, targetActs, targetChange, targetFields, targetStatus } from './targets-model.js';

/** What is said once an act is done. */
const DONE = { resume: 'It goes on.', park: 'It is stopped; events wait until you resume.' };

export class TargetsPanel {
  #panel;

  constructor(root) {
    this.#panel = panel(root, 'Deliveries', () => api.targets(), (targets) => [
      element('p', {}, 'Webhooks, Discord and files that are told what happens.'),
      targets.length === 0 ? element('p', { class: 'placeholder' }, 'Nobody is told yet.')
        : element('ul', { class: 'queue' }, targets.map((target) => this.#target(target))),
      ...Object.entries(KINDS).map(([kind, { add }]) => element('details', {}, element('summary', {}, add), this.#maker(kind))),
    ]);
  }

  open() { this.#panel.reload(); }

  #target(target) {
    const { word, tone, notes } = targetStatus(target, Date.now());
    const failures = element('div');
    const act = ({ name, label }) => actButton(label, `${label}: ${target.name}`, () => this.#panel.act(() => api.targetAct(target.id, name),
      (answer) => (name === 'test' ? notice(answer.delivered ? 'good' : 'bad', `${answer.outcome} (${answer.milliseconds} ms)`) : DONE[name])));
    return element('li', { class: 'person-entry' },
      element('p', { class: 'key-head' }, element('span', { class: 'queue-name' }, target.name), element('span', { class: `badge badge-${tone}` }, word)),
      element('p', { class: 'queue-note' }, `${target.kind} · ${target.place} · ${target.delivered.toLocaleString()} delivered`),
      notes.map((note) => element('p', { class: 'queue-note' }, note)),
      target.nextTryAt && element('p', { class: 'queue-note' }, `Next try ${new Date(target.nextTryAt).toLocaleTimeString()}.`),
      element('div', { class: 'acts' }, targetActs(target).map(act),
        target.failures > 0 && actButton('Failures', `What ${target.name} refused`, () => this.#failures(target, failures)),
        !target.fromEnvironment && actButton('Remove', `Remove ${target.name}`, () => this.#remove(target), true)),
      failures, !target.fromEnvironment && element('details', {}, element('summary', { 'aria-label': `Change ${target.name}` }, 'Change'), this.#changer(target)));
  }

  async #failures(target, place) {
    try {
      const failures = await api.targetFailures(target.id);
      show(place, element('ul', { class: 'advice' }, failures.map(({ at, kind, error }) => element('li', {}, `${new Date(at).toLocaleString()} ${kind}: ${error}`))));
    } catch (error) {
      show(place, notice('bad', error.message));
    }
  }

  async #remove(target) {
    const agreed = await confirmed({ title: `Remove ${target.name}?`, action: 'Remove', text: 'Nothing is sent there any more, and what waits is thrown away.' });
    if (agreed) await this.#panel.act(() => api.removeTarget(target.id), 'It is removed.');
  }

  #maker(kind) {
    return form({
      fields: targetFields(kind), action: 'Add',
      submit: async (values) => {
        const made = await api.createTarget({ kind, ...targetChange(kind, values) });
        await this.#panel.act(async () => made, ({ secret }) => (secret
          ? element('div', { class: 'notice notice-good', role: 'status' }, element('p', {}, 'Deliveries are signed with this secret. It is shown this once.'), copyRow('Secret', secret))
          : 'It is added. “Send a test” shows whether it arrives.'));
      },
    });
  }

  #changer(target) {
    return form({
      fields: targetFields(target.kind, target), action: 'Save', kind: '',
      submit: async (values) => {
        const changed = await api.changeTarget(target.id, targetChange(target.kind, values));
        await this.#panel.act(async () => changed, 'Saved.');
      },
    });
  }
}
