rescue server certificates --host help.example.org --data state
ls state/tls
