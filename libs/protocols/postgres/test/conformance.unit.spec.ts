import { describeConformance } from '@sallyport/protocol-kit/testing'
import { cancelRequest, password, sslRequest, startupMessage } from '../src/codec/encode.js'
import { postgres } from '../src/index.js'

describeConformance(postgres, {
  texts: [
    '', 'select 1', 'select id, email from customers where id = 7', 'SELECT pg_read_file(\'/etc/passwd\')', 'begin; delete from orders; commit',
    'drop table orders', 'copy orders to program \'sh\'', 'set role postgres', 'do $$ begin end $$', 'selekt 1', 'rollback', 'select \'unterminated',
  ],
  greetings: [
    sslRequest, startupMessage([['user', 'orders']]), Buffer.concat([startupMessage([['user', 'orders'], ['database', 'd']]), password('a secret')]),
    Buffer.concat([startupMessage([['user', 'orders+oauth']])]), cancelRequest(Buffer.alloc(8, 1)),
  ],
})
