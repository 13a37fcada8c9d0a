"""
Other servers that the client speaks with, each in the server's own words.

    from lading.client.dialects.sharedo import Remote
"""
