// @platformatic/kafka, under both protocols of groups. Its consumers are in a group always.
const { Admin, Consumer, Producer, stringDeserializers, stringSerializers } =
  require('@platformatic/kafka')
const { randomUUID } = require('crypto')
const { readFileSync } = require('fs')
const path = require('path')
const zlib = require('zlib')
const { Skip, expect, runAll } = require('./features.js')
const { groupFeatures } = require('./group_story.js')

const base = { clientId: 'clients', bootstrapBrokers: [process.argv[2]], retries: 8, retryDelay: 200 }

async function withAdmin(action) {
  const admin = new Admin(base)
  try {
    return await action(admin)
  } finally {
    await admin.close()
  }
}

async function send(topic, messages, settings) {
  const producer = new Producer({
    ...base, serializers: stringSerializers, autocreateTopics: true, ...settings })
  try {
    await producer.send({ messages: messages.map((m) => ({ topic, partition: 0, ...m })), acks: -1 })
  } finally {
    await producer.close()
  }
}

// Starts one that keeps the messages that it reads, and commits each.
async function start(topic, group, protocol) {
  const consumer = new Consumer({
    ...base, groupId: group, deserializers: stringDeserializers, autocommit: false,
    ...(protocol === 'consumer'
      ? { groupProtocol: 'consumer' }
      : { sessionTimeout: 10000, heartbeatInterval: 500, rebalanceTimeout: 10000 }),
    maxWaitTime: 500,
  })
  const found = {
    messages: [],
    get values() { return this.messages.map((message) => message.value) },
    get assigned() {
      const mine = (consumer.assignments || []).find((a) => a.topic === topic)
      return mine ? [...mine.partitions].sort() : []
    },
    close: () => consumer.close(true),
  }
  const stream = await consumer.consume({
    topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  stream.on('error', (problem) => console.error(problem))
  stream.on('data', async (message) => {
    try {
      await message.commit()
    } catch (problem) {
      console.error(problem)
    }
    found.messages.push(message)
  })
  return found
}

const groupClient = (protocol) => ({
  member: (topic, group) => start(topic, group, protocol),
  createTopic: (topic, partitions) =>
    withAdmin((a) => a.createTopics({ topics: [topic], partitions, replicas: 1 })),
  send: (topic, partition, values) => send(topic, values.map((value) => ({ partition, value }))),
  describe: async (group) => {
    if (protocol === 'consumer') throw new Skip('it describes classic groups only')
    const found = (await withAdmin((a) => a.describeGroups({ groups: [group] }))).get(group)
    return [found.state.toLowerCase(), found.members.size]
  },
  offsets: async (group, topic) => {
    const found = await withAdmin((a) => a.listConsumerGroupOffsets({ groups: [group] }))
    const places = found.flatMap((g) => g.topics).filter((t) => t.name === topic)
      .flatMap((t) => t.partitions).sort((a, b) => a.partitionIndex - b.partitionIndex)
    return Object.fromEntries(places.map((p) => [p.partitionIndex, Number(p.committedOffset)]))
  },
  move: (groupId, name, partition, offset) => withAdmin((a) => a.alterConsumerGroupOffsets({
    groupId, topics: [{ name, partitionOffsets: [{ partition, offset: BigInt(offset) }] }] })),
  remove: (group) => withAdmin((a) => a.deleteGroups({ groups: [group] })),
})

// Sends these and reads them again, by a group of their own.
async function exchange(messages, settings) {
  const topic = `platformatic-${randomUUID().slice(0, 12)}`
  await send(topic, messages, settings)
  const member = await start(topic, `group-of-${topic}`, 'classic')
  try {
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        if (member.messages.length < messages.length) return
        clearInterval(timer)
        resolve()
      }, 50)
    })
    return member.messages
  } finally {
    await member.close()
  }
}

const codec = (compression) => async () => {
  const messages = Array.from({ length: 200 }, (_, i) => ({ value: `line ${i}` }))
  const found = await exchange(messages, { compression })
  expect(found.map((m) => m.value), messages.map((m) => m.value))
}

const features = {
  'auto-create': async () => expect((await exchange([{ value: 'first' }]))[0].value, 'first'),
  produce: codec('none'),
  consume: codec('none'),
  headers: async () => {
    const [found] = await exchange([{ value: 'v', headers: { a: '1', empty: '' } }])
    expect([...found.headers], [['a', '1'], ['empty', '']])
  },
  'null key': async () => expect((await exchange([{ value: 'v' }]))[0].key ?? null, null),
  gzip: codec('gzip'),
  snappy: codec('snappy'),
  lz4: codec('lz4'),
  zstd: async () => {
    if (!zlib.zstdCompress) throw new Skip('this node has no zstd')
    await codec('zstd')()
  },
  idempotence: async () => {
    const [found] = await exchange([{ value: 'once' }], { idempotent: true })
    expect(found.value, 'once')
  },
  admin: () => withAdmin(async (admin) => {
    const topic = `platformatic-${randomUUID().slice(0, 12)}`
    await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
    const { topics } = await admin.metadata({ topics: [topic] })
    expect(topics.get(topic).partitionsCount, 3)
    await admin.deleteTopics({ topics: [topic] })
  }),
}

const packageFile = path.join(path.dirname(require.resolve('@platformatic/kafka')), '../package.json')
runAll({
  ...features,
  ...groupFeatures(groupClient('classic'), 'platformatic'),
  ...groupFeatures(groupClient('consumer'), 'platformatic', 'new group'),
}, JSON.parse(readFileSync(packageFile)).version)
