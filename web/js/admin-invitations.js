// Links that let people sign up where that takes one. Owns its element.

import { api } from './api.js';
import { copyRow } from './copy-row.js';
import { element } from './dom.js';
import { form } from './form.js';
import { actButton, panel } from './panel.js';

export class InvitationsPanel {
  #panel;

  constructor(root) {
    this.#panel = panel(root, 'Invitations', () => api.invitations(), (invitations) => [
      element('p', {}, 'Who has such a link can sign up, also where that is closed to others, and need not be let through.'),
      invitations.length === 0 ? element('p', { class: 'placeholder' }, 'No invitation is open.')
        : element('ul', { class: 'queue' }, invitations.map((invitation) => this.#invitation(invitation))),
      element('details', {}, element('summary', {}, 'Invite somebody'), this.#maker()),
    ]);
  }

  open() { this.#panel.reload(); }

  #invitation({ id, note, usesLeft, expiresAt }) {
    const name = note || 'Invitation';
    return element('li', { class: 'person-entry' },
      element('p', { class: 'queue-name' }, name),
      element('p', { class: 'queue-note' }, `For ${usesLeft === 1 ? 'one more person' : `${usesLeft} more people`}, until ${new Date(expiresAt).toLocaleString()}.`),
      element('div', { class: 'acts' }, actButton('Withdraw', `Withdraw: ${name}`, () => this.#panel.act(() => api.withdrawInvitation(id), 'It lets nobody in any more.'), true)));
  }

  #maker() {
    return form({
      fields: [
        { name: 'note', label: 'For whom', maxlength: 60, required: false, autocomplete: 'off', hint: 'A note for the admins.' },
        { name: 'uses', label: 'People it lets in', type: 'number', min: 1, max: 1000, value: 1 },
        { name: 'days', label: 'Days it holds', type: 'number', min: 1, max: 366, value: 7 },
      ],
      action: 'Make a link',
      submit: async ({ note, uses, days }) => {
        const made = await api.invite({ note, uses: Number(uses), days: Number(days) });
        await this.#panel.act(async () => made, ({ link }) => element('div', { class: 'notice notice-good', role: 'status' },
          element('p', {}, 'Hand this link on. It is shown this once.'), copyRow('Invitation', new URL(link, location.origin).href)));
      },
    });
  }
}
