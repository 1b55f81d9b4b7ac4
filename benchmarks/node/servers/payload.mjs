/** The payload of a broadcast: 100 bytes, numbered. Twin: `PAYLOAD` in benchmarks/subjects/serve.py. */
export const payload = (number) => String(number).padStart(6, '0') + 'x'.repeat(94)
