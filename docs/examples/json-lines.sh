# needs a server (tests run it inside `rescue exec -- bash json-lines.sh`)
printf 'pin Joe\nqueue\nsync\n' | rescue console alice --json > console.jsonl
grep '"reply": 1, "ok": true' console.jsonl
