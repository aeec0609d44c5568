# needs a server
rescue fault add 'when any becomes Active: lan off for 40s'
rescue fault add 'delay next 3 StartSession of alice by 2s'
rescue fault list
rescue fault clear
