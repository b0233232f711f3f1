const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin:.25rem 0}.fault{color:#b00020}</style>
</head><body><h1>${escapeHtml(title)}</h1>${body}</body></html>`

/** Log-in form of an interaction. */
export const loginPage = (action: string, fault?: string): string => page('Development log-in', `
${fault === undefined ? '' : `<p class="fault">${escapeHtml(fault)}</p>`}
<p>For development only: the password is the name followed by <code>-secret</code>.</p>
<form method="post" action="${escapeHtml(action)}" autocomplete="off">
<label>Name <input name="login" required autofocus></label>
<label>Password <input name="password" type="password" required></label>
<button>Log in</button></form>`)

/** `form` is the provider's own, without a visible field or button. */
export const userCodePage = (form: string, fault?: string): string => page('Device log-in', `
${fault === undefined ? '<p>Enter the code that your device shows.</p>' : `<p class="fault">${escapeHtml(fault)}</p>`}
${form}<button form="op.deviceInputForm">Continue</button>`)

export const userCodeConfirmPage = (form: string, client: string, userCode: string): string => page('Device log-in', `
<p>Does <strong>${escapeHtml(client)}</strong> show the code <code>${escapeHtml(userCode)}</code>?</p>
${form}<button form="op.deviceConfirmForm">Yes, continue</button>
<button form="op.deviceConfirmForm" name="abort" value="yes">No</button>`)

export const donePage = (): string => page('Logged in', '<p>Go back to your terminal.</p>')

export const faultPage = (message: string): string => page('That did not work', `<p class="fault">${escapeHtml(message)}</p>`)
