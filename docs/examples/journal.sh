# needs a server
printf 'pin Joe\nsync\n' | rescue console alice --json > console.jsonl
rescue events --json > run.jsonl
rescue coverage run.jsonl
rescue replay run.jsonl --check
rescue why 1001
