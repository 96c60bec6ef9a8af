// One's own account; and where links of mails lead: #reset=…, #verify=…, #invitation=…, #forgot.

import { AccountPanels } from './account-panels.js';
import { api } from './api.js';
import { element, notice, show } from './dom.js';
import { form } from './form.js';
import { readLink } from './link-model.js';
import { personBar, signInForms } from './sign-in.js';

const root = document.querySelector('#account');

function signedOut(invitation) {
  show(root, element('p', {}, invitation ? 'You are invited: sign up here, or log in.' : 'Log in to change your account.'),
    signInForms((account) => (invitation ? location.assign('/dj') : signedIn(account)), true, invitation));
}

async function signedIn(account) {
  const panels = element('div');
  show(root, personBar(account, () => signedOut(null)), panels);
  await new AccountPanels(panels, account, { changed: signedIn, gone: () => signedOut(null) }).start();
}

function panel(title, ...children) {
  show(root, element('section', { class: 'panel' }, element('h2', {}, title), ...children));
}

function forgot() {
  panel('New password', form({
    fields: [{ name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username' }],
    action: 'Send me a link',
    submit: async ({ email }) => {
      const { sendsMail } = await api.requestReset(email);
      panel('New password', notice('good', sendsMail
        ? 'If there is an account with this address, a mail with a link is on its way. It holds for 30 minutes.'
        : 'If there is an account with this address, the admins see your wish now. Ask one of them for your link.'));
    },
  }), element('p', { class: 'actions' }, element('a', { class: 'button button-small', href: '/account', onclick: () => setTimeout(begin) }, 'Back to the log-in')));
}

function reset(token) {
  panel('Choose a new password', form({
    fields: [{ name: 'password', label: 'New password', type: 'password', hint: '8 characters or more; a few words in a row are good.', autocomplete: 'new-password' }],
    action: 'Set the password',
    submit: async ({ password }) => {
      try {
        await api.reset(token, password);
      } catch (error) {
        if (error.slug !== 'link-gone') throw error;
        panel('New password', notice('bad', error.message), element('a', { class: 'button', href: '/account#forgot' }, 'Ask for another link'));
        return;
      }
      show(root, notice('good', 'Your new password holds. Log in with it.'), signInForms(signedIn, false));
    },
  }));
}

async function verify(token) {
  show(root, element('p', { class: 'placeholder' }, 'Confirming your address…'));
  let message = notice('good', 'Your address is confirmed.');
  try {
    await api.verify(token);
  } catch (error) {
    message = notice('bad', error.message);
  }
  await begin();
  root.prepend(message);
}

async function begin() {
  const link = readLink(location.hash);
  // A link's token is for this page alone: out of the address bar and the history.
  if (link.token) history.replaceState(null, '', location.pathname);
  if (link.kind === 'forgot') return forgot();
  if (link.kind === 'reset') return reset(link.token);
  if (link.kind === 'verify') return verify(link.token);
  show(root, element('p', { class: 'placeholder' }, 'Looking who you are…'));
  let account;
  try {
    account = await api.me();
  } catch (error) {
    show(root, notice('bad', error.message), element('button', { class: 'button', type: 'button', onclick: begin }, 'Try again'));
    return undefined;
  }
  if (account && link.kind !== 'invitation') return signedIn(account);
  return signedOut(link.token);
}

addEventListener('hashchange', () => { if (location.hash) begin(); });
begin();
