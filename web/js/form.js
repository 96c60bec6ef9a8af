// A form with labels, errors at their fields and a busy state.

import { element, show } from './dom.js';

let serial = 0;

/**
 * Makes a form. `fields` are `{ name, label, type, hint, value, autocomplete, … }`; other keys become attributes of the input. With
 * `choices` (`{ value: words }`) the field is a list to choose from; of type `lines` it takes several lines.
 * `submit(values)` may throw an error with `field` and `message`; what it returns is ignored.
 */
export function form({ fields, action, submit, kind = 'button-main' }) {
  const message = element('div');
  const inputs = fields.map(makeField);
  const button = element('button', { class: `button ${kind}`, type: 'submit' }, action);
  const made = element('form', { novalidate: true, method: 'post' }, message, inputs.map((input) => input.root), button);
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const missing = inputs.filter((input) => input.check());
    if (missing.length > 0) {
      missing[0].focus();
      return;
    }
    // What is typed while the answer is under way would be lost when the answer is drawn.
    const setBusy = (isBusy) => {
      button.disabled = isBusy;
      button.textContent = isBusy ? 'One moment…' : action;
      inputs.forEach((input) => input.setReadOnly(isBusy));
    };
    setBusy(true);
    show(message);
    try {
      await submit(Object.fromEntries(inputs.map((input) => [input.name, input.value()])));
    } catch (error) {
      const input = inputs.find((candidate) => candidate.name === error.field);
      if (input) {
        input.setError(error.message);
        input.focus();
      } else {
        show(message, element('div', { class: 'notice notice-bad', role: 'alert' }, element('p', {}, error.message)));
      }
    }
    setBusy(false);
  });
  return made;
}

function makeField({ name, label, type = 'text', hint, value, required = true, choices, ...attributes }) {
  serial += 1;
  const id = `field-${serial}`;
  const isCheck = type === 'checkbox';
  const error = element('p', { class: 'field-error', id: `${id}-error`, hidden: true });
  const described = `${hint ? `${id}-hint ` : ''}${id}-error`;
  const input = choices
    ? element('select', { id, name, 'aria-describedby': described },
      Object.entries(choices).map(([key, words]) => element('option', { value: key }, words)))
    : element(type === 'lines' ? 'textarea' : 'input', {
      id, name, ...(type === 'lines' ? { rows: 3 } : { type }), ...attributes, required: required && !isCheck, checked: isCheck && value, 'aria-describedby': described,
    });
  if (!isCheck && value !== undefined) input.value = value;
  const setError = (text) => {
    error.textContent = text;
    error.hidden = text === '';
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  input.addEventListener('input', () => setError(''));
  const labelled = isCheck ? element('label', { for: id }, input, label) : element('label', { for: id }, label);
  return {
    name,
    root: element('div', { class: `field${isCheck ? ' field-check' : ''}` }, labelled, !isCheck && input,
      hint && element('p', { class: 'field-hint', id: `${id}-hint` }, hint), error),
    value: () => (isCheck ? input.checked : input.value),
    /** True when something is missing; says so at the field. */
    check: () => {
      if (!input.required || input.value !== '') return false;
      setError('Please fill this in.');
      return true;
    },
    focus: () => input.focus(),
    setError,
    setReadOnly: (isReadOnly) => { input.readOnly = isReadOnly; },
  };
}
