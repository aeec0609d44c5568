rescue scenario check short-outage.yaml
rescue scenario run short-outage.yaml
rescue scenario schema > scenario.schema.json
