# needs a server
rescue admin set group:Support post-start=http://127.0.0.1:8000/start post-end='http://reader:secret@127.0.0.1:8000/end?key=1'
rescue admin set group:Support post-as=xml
rescue admin show | grep post-end
rescue posts --pending
