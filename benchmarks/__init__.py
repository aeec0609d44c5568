"""How fast the server is, beside a bare grpc.aio server that does the same work in the same run.

`make bench` runs all of it, `make bench ONLY=fanout` one part. Only ratios of alternating runs mean something: absolute
figures are those of one machine on one day.
"""
