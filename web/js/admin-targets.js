// Where events are sent to, how that goes, and what failed. Owns its element.

import { api } from './api.js';
import { confirmed } from './confirm.js';
import { copyRow } from './copy-row.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { actButton, panel } from './panel.js';

const STATES = { fine: ['Fine', 'good'], failing: ['Failing', 'air'], parked: ['Stopped', 'warm'], off: ['Off', 'dim'] };

export class TargetsPanel {
  #panel;

  constructor(root) {
    this.#panel = panel(root, 'Deliveries', () => api.targets(), (targets) => [
      element('p', {}, 'Webhooks, Discord and files that are told what happens.'),
      targets.length === 0 ? element('p', { class: 'placeholder' }, 'Nobody is told yet.')
        : element('ul', { class: 'queue' }, targets.map((target) => this.#target(target))),
      element('details', {}, element('summary', {}, 'Add a target'), this.#maker()),
    ]);
  }

  open() { this.#panel.reload(); }

  #target(target) {
    const [word, tone] = STATES[target.state] ?? [target.state, 'dim'];
    const failures = element('div');
    const done = [`${target.delivered.toLocaleString()} delivered`, target.waiting > 0 && `${target.waiting.toLocaleString()} waiting`, target.failures > 0 && `${target.failures.toLocaleString()} given up`].filter(Boolean).join(', ');
    const act = (label, title, work, words, isDanger) => actButton(label, `${title} ${target.name}`, () => this.#panel.act(work, words), isDanger);
    return element('li', { class: 'person-entry' },
      element('p', { class: 'key-head' }, element('span', { class: 'queue-name' }, target.name), element('span', { class: `badge badge-${tone}` }, word)),
      element('p', { class: 'queue-note' }, `${target.kind} · ${target.place} · ${done}`),
      target.lastError && element('p', { class: 'field-error' }, `Last error: ${target.lastError}`,
        target.nextTryAt ? ` Next try ${new Date(target.nextTryAt).toLocaleTimeString()}.` : ''),
      target.parkedReason && element('p', { class: 'queue-note' }, `Stopped ${new Date(target.parkedAt).toLocaleString()}: ${target.parkedReason}`),
      element('div', { class: 'acts' },
        act('Send a test', 'Send a test to', () => api.testTarget(target.id), (answer) => notice(answer.delivered ? 'good' : 'bad', `${answer.outcome} (${answer.milliseconds} ms)`)),
        target.state === 'parked'
          ? act('Resume', 'Resume deliveries to', () => api.resumeTarget(target.id), 'It goes on.')
          : act('Stop', 'Stop deliveries to', () => api.parkTarget(target.id), 'It is stopped; events wait until you resume.'),
        target.failures > 0 && actButton('Failures', `What ${target.name} refused`, () => this.#failures(target, failures)),
        !target.fromEnvironment && actButton('Remove', `Remove ${target.name}`, () => this.#remove(target), true)),
      failures);
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

  #maker() {
    return form({
      fields: [
        { name: 'name', label: 'Name', maxlength: 40, autocomplete: 'off' },
        { name: 'kind', label: 'Kind', choices: { webhook: 'Webhook', discord: 'Discord' }, value: 'webhook' },
        { name: 'url', label: 'Address', type: 'url', autocomplete: 'off', hint: 'Kept encrypted, and not shown again.' },
      ],
      action: 'Add',
      submit: async (values) => {
        const made = await api.createTarget(values);
        await this.#panel.act(async () => made, ({ secret }) => (secret
          ? element('div', { class: 'notice notice-good', role: 'status' }, element('p', {}, 'Deliveries are signed with this secret. It is shown this once.'), copyRow('Secret', secret))
          : 'It is added.'));
      },
    });
  }
}
