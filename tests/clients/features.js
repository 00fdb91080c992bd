// What the clients of JavaScript share: running each feature within its time and printing its line.
const CASE_MS_MAX = 90000

class Skip extends Error {}

function expect(found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
}

function within(action) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${CASE_MS_MAX} ms`)), CASE_MS_MAX)
  })
  return Promise.race([action(), late]).finally(() => clearTimeout(timer))
}

// Ends the process: what a client forgot to close must not keep it.
async function runAll(features, version) {
  console.log(`version\tok\t${version}`)
  for (const [name, check] of Object.entries(features)) {
    try {
      await within(check)
      console.log(`${name}\tok`)
    } catch (problem) {
      const verdict = problem instanceof Skip ? 'skip' : 'fail'
      if (verdict === 'fail') console.error(problem)
      console.log(`${name}\t${verdict}\t${String(problem.message).replace(/\s+/g, ' ')}`)
    }
  }
  process.exit(0)
}

module.exports = { Skip, expect, runAll }
