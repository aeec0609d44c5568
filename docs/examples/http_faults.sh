# needs a server
rescue fault add 'when api getReport_v2: answer POLLRATEEXCEEDED x2'
rescue fault add 'when api login: delay 5s'
rescue fault add 'when api getSession_v3: status 503'
rescue fault add 'when api requestPINCode_v3: cut'
rescue fault add 'when post: answer 500 x3'
rescue fault list
