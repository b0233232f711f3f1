import { CliError, exitStatus } from '../errors.js'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])$/

/** The URL without a slash at its end. Throws CliError for what is no http(s) URL, and for plain http that leaves the machine. */
export const endpoint = (name: string, text: string, insecureHttp: boolean): string => {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new CliError(exitStatus.usage, `${name} is not a URL: it looks like https://sallyport.example`)
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname) && !insecureHttp) {
    throw new CliError(exitStatus.notAllowed, `${name} is ${url.origin}: a token would cross the network in plain text. Use https, or set SALLYPORT_INSECURE_HTTP=1 if that network is trusted`)
  }
  return url.href.replace(/\/+$/, '')
}
