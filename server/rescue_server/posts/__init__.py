"""Post to URL: what is posted of a session, and the sender that delivers it at least once and in order.

`facts` reads a session's events, `body` writes them as the vendor does, `target` says where a post may go, `delivery`
speaks HTTP, and `sender` decides what is sent when. That a post is due, and what became of it, are events of the core.
"""
