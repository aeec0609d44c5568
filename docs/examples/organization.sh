# needs a server
rescue admin show
rescue admin add group Printers
rescue admin add technician erin --group Printers
rescue admin set group:Printers idle-timeout=5m reconnect-period=30s
