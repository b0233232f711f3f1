/** A person who opens a device flow's URL in a browser, confirms the code and logs in at the development IdP. */
export const confirmDevice = async (issuer: string, urlWithCode: string, userCode: string, name: string): Promise<string> => {
  const cookies = new Map<string, string>()
  const go = async (url: string, form?: Record<string, string>): Promise<string> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [key, value] = line.split(';')[0]!.split('=') as [string, string]
      cookies.set(key, value)
    }
    const location = response.headers.get('location')
    return location === null ? response.text() : go(new URL(location, url).href)
  }
  const actionOf = (html: string): string => new URL(/action="([^"]+)"/.exec(html)![1]!, issuer).href
  const xsrfOf = (html: string): string => /name="xsrf" value="([^"]*)"/.exec(html)![1]!
  const first = await go(urlWithCode)
  const confirm = first.includes('op.deviceInputForm') ? await go(actionOf(first), { xsrf: xsrfOf(first), user_code: userCode }) : first
  const form = await go(actionOf(confirm), { xsrf: xsrfOf(confirm), user_code: userCode, confirm: 'yes' })
  return go(actionOf(form), { login: name, password: `${name}-secret` })
}
