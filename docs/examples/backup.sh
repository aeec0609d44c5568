# needs a server
rescue server backup monday.sqlite3 --data "$RESCUE_DATA"
# Later, with the server stopped, `rescue server --restore monday.sqlite3` goes on from that copy.
